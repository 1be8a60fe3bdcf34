"""A model card: one Markdown file and its pictures from what is known of a model. ``page.py`` puts it together."""
