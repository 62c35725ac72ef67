"""Big images: cut into tiles, each tile answered by itself, the answers merged across the seams.

    tiles     the size of an image -> tiles
    parts     what a tile's answer says, in the pixels of the whole image
    matching  parts -> those that show one object
    merging   those -> the object
    run       all of it, for one image

SAHI (https://arxiv.org/abs/2202.06934) made the way of doing this known, `overlap` is its ratio.
Its merging compares whole boxes: of two objects of a class, a small one in front of a large one
becomes a part of it. Here two tiles are compared where both of them looked.
"""
