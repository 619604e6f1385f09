"""What a person looks at: overlays and summaries."""
