"""One slice per noun our users say; a use case lives in the highest slice it touches."""
