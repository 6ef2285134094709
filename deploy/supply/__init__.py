"""What ships besides our own code: which packages, under which licences, with which known flaws; `make sbom`, `make
audit`."""
