"""What several folders of tests share: fixtures and helper functions, by area."""
