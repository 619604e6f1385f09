"""Data sets of printed pages: what they hold, drawn page by page.

``recipe.make_recipe`` says what is wanted; ``makers.maker_of`` gives the function that makes one
page of it, or one file of an archive. ``flow.synthesize`` writes them.
"""
