"""The main job from end to end, played by a resident, the hall and a courier."""
