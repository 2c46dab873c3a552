"""``hil bench``: how fast this machine is at what the bench does, each figure beside another."""
