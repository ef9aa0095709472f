"""The main job from beginning to end on the embedded cloud, with a check of each step."""
