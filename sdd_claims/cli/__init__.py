"""The command line `sdd-claims`. It trains nothing and judges nothing itself: every command is done by another room."""
