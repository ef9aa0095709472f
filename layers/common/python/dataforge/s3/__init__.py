"""Amazon S3: objects, uploads and object keys."""
