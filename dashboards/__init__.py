"""What people see: tables, boards and rules, all made from the catalogue."""
