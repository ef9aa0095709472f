"""The main job from beginning to end on the embedded cloud, each step with a check of its own."""
