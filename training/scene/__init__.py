"""Images of people: cameras, places, light, the renderer, the video encoder."""
