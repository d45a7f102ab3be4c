"""What lies on the window's desk: its state as plain Python with signals, which runs without a screen."""
