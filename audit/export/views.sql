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

-- A column of a view means what the table's column of that name means; none has this name.
COMMENT ON COLUMN smart_region_figures.history.day IS 'Jour demandé à l’export.';
DO $$
DECLARE
  one record;
BEGIN
  FOR one IN
    SELECT shown.attrelid::regclass AS name, shown.attname, col_description(kept.attrelid, kept.attnum) AS meaning
    FROM pg_attribute AS kept JOIN pg_attribute AS shown USING (attname)
    WHERE kept.attrelid = 'smart_region_figures.figure'::regclass AND kept.attnum > 0
      AND shown.attrelid IN ('smart_region_figures.current_figure'::regclass,
        'smart_region_figures.milestone_status'::regclass, 'smart_region_figures.history'::regclass)
  LOOP
    EXECUTE format('COMMENT ON COLUMN %s.%I IS %L', one.name, one.attname, one.meaning);
  END LOOP;
END
$$;
