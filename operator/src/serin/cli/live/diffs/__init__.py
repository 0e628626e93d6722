"""What the next apply would change: of ModelDeployments, and of the policies that they are judged by."""
