"""The files of a clone that follow from others: rules, boards, resources, pages."""
