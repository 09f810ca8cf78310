"""What ``cargan sample-data`` makes: synthetic players whose sound carries what their image
shows."""
