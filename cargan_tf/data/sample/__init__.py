"""The open sample data: synthetic players whose sound carries what their picture shows."""
