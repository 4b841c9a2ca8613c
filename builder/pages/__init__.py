"""What a person looks at: the summary of a build, `builder show`, the dataset card, the report page."""
