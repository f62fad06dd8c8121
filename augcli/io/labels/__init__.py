"""Labels from columns and tables."""
