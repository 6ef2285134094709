"""The Faust stages of omnijourney."""
