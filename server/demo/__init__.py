"""The demo production: a short film that is there to be changed."""

from server.demo.production import DEMO_ID, load_demo, production, screenplay

__all__ = ["DEMO_ID", "load_demo", "production", "screenplay"]
