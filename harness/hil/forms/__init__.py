"""Files that people hand in: their text, their form, and one line for each thing that is wrong in them."""
