"""Tables of labels: CSV, TSV and their kin, as Kaggle, object detection tools and our own exports write them."""
