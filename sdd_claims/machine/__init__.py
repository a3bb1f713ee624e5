"""Where code runs: devices, hardware, energy."""
