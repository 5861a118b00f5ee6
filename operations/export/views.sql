-- Views on the exported figures; a table of the exporter, smart_region_figures.figure, has them all.

CREATE OR REPLACE VIEW smart_region_figures.current_figure AS
  SELECT * FROM smart_region_figures.figure
  WHERE known_on IS NULL AND exported_for = (
    SELECT max(exported_for) FROM smart_region_figures.figure WHERE known_on IS NULL
  );
COMMENT ON VIEW smart_region_figures.current_figure IS
  'Les chiffres du dernier jour exporté, tels qu’ils étaient connus au moment de l’export.';

CREATE OR REPLACE VIEW smart_region_figures.milestone_status AS
  SELECT programme_title, indicator, indicator_title, territory, territory_name, milestone, target,
    deadline, value, progress_rate, status, projected_on, exported_for
  FROM smart_region_figures.current_figure
  WHERE milestone IS NOT NULL
  ORDER BY
    array_position(ARRAY['missed', 'at_risk', 'unreported', 'on_track', 'achieved'], status),
    deadline, indicator, territory;
COMMENT ON VIEW smart_region_figures.milestone_status IS
  'L’état de chaque jalon au dernier jour exporté, le plus en retard d’abord.';

CREATE OR REPLACE VIEW smart_region_figures.history AS
  SELECT DISTINCT ON (indicator, territory, exported_for)
    exported_for AS day, indicator, indicator_title, unit, territory, territory_name, value
  FROM smart_region_figures.figure
  WHERE known_on IS NULL AND category IS NULL
  ORDER BY indicator, territory, exported_for;
COMMENT ON VIEW smart_region_figures.history IS
  'La valeur de chaque indicateur dans chaque territoire, par jour exporté.';
