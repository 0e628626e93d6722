"""InferenceServices as people write them: read from a directory, wrapped into ModelDeployments, and compared.

The manifests themselves are none of this project's: the directory is given by whoever runs it.
"""
