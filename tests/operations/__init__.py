"""Starting, stopping, deploying and diagnosing the house."""
