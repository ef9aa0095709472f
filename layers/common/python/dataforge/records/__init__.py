"""Records: validation, rejections and quality."""
