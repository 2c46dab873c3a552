"""HTML as a tree of the standard library: the serialiser escapes every text, so no caller can forget to.

Rejected: a templating language. The page has one layout, its parts are built from data, and autoescaping
would be one more thing to trust.
"""

from xml.etree import ElementTree as ET

Node = ET.Element


def node(tag: str, *children: Node | str, **attributes: object) -> Node:
    """Make an element; ``class_`` stands for class, ``data_n`` for data-n, None for no attribute."""
    names = {
        name.rstrip("_").replace("_", "-"): str(value)
        for name, value in attributes.items()
        if value is not None
    }
    made = Node(tag, names)
    add(made, *children)
    return made


def add(parent: Node, *children: Node | str) -> None:
    """Append elements and texts to an element."""
    for child in children:
        if not isinstance(child, str):
            parent.append(child)
        elif len(parent):
            parent[-1].tail = (parent[-1].tail or "") + child
        else:
            parent.text = (parent.text or "") + child


def html(root: Node) -> str:
    """Write a tree as HTML."""
    return ET.tostring(root, encoding="unicode", method="html")
