#version 330
out float shade;

void main() { shade = 1.0; }
