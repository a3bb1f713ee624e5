"""The machine that trains: devices, hardware and library versions, energy."""
