"""Adapters of the image decoder: in processes of their own, or in this one."""
