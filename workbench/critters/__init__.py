"""Critters: cartoon creatures drawn from attributes, and the captions people would write under them."""
