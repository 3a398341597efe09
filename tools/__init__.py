"""What builds and keeps the house: the page's build and the lock files."""
