"""The chapters: one folder each, with its text, experiments, figures and recorded tables."""
