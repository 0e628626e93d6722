"""The sandbox's image catalogue: what stands behind the image names that pods may use."""
