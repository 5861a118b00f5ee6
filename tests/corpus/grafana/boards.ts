// The parts of Grafana's own types that our boards are made of; see README.md.
import type { Dashboard, Panel, RowPanel } from "./node_modules/@grafana/schema/dist/types/raw/dashboard/x/dashboard_types.gen";
import type * as common from "./node_modules/@grafana/schema/dist/types/common/common.gen";
import type * as bargauge from "./node_modules/@grafana/schema/dist/types/raw/composable/bargauge/panelcfg/x/BarGaugePanelCfg_types.gen";
import type * as geomap from "./node_modules/@grafana/schema/dist/types/raw/composable/geomap/panelcfg/x/GeomapPanelCfg_types.gen";
import type * as stat from "./node_modules/@grafana/schema/dist/types/raw/composable/stat/panelcfg/x/StatPanelCfg_types.gen";
import type * as table from "./node_modules/@grafana/schema/dist/types/raw/composable/table/panelcfg/x/TablePanelCfg_types.gen";
import type * as timeseries from "./node_modules/@grafana/schema/dist/types/raw/composable/timeseries/panelcfg/x/TimeSeriesPanelCfg_types.gen";

export interface Boards {
  dashboard: Dashboard;
  panel: Panel;
  row: RowPanel;
  query: common.DataQuery;
  "options:bargauge": bargauge.Options;
  "options:geomap": geomap.Options;
  "options:stat": stat.Options;
  "options:table": table.Options;
  "options:timeseries": timeseries.Options;
  "custom:table": table.FieldConfig;
  "custom:timeseries": timeseries.FieldConfig;
}
