"""Another version of the repository: found in git, its programs recorded, and brought up to be compared with."""
