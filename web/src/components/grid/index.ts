// SPDX-License-Identifier: Apache-2.0
// What pages use of the grid. The writer of CSV stands apart in `csv.ts`.

export { DataGrid } from './DataGrid';
export type { DataGridProps, GridColumn, GridSort } from './types';
