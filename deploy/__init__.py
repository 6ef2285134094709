"""How omnijourney is run: `deploy.local` on one machine without containers."""
