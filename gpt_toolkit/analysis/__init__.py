"""What models and texts are measured by beside their loss; no Lightning."""
