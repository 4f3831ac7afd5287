// SPDX-License-Identifier: Apache-2.0
// Every address of the console. A page is loaded when it is first opened; what its address may hold
// is checked by the `search.ts` beside it.

import {
  createRootRoute,
  createRoute,
  createRouter,
  lazyRouteComponent,
} from '@tanstack/react-router';
import { Loading } from '@/components/states';
import { auditSearch } from '@/pages/audit/search';
import { campaignSearch } from '@/pages/campaign/search';
import { campaignsSearch } from '@/pages/campaigns/search';
import { hostSearch, hostsSearch } from '@/pages/hosts/search';
import { queriesSearch } from '@/pages/queries/search';
import { NotFound } from './NotFound';
import { PageFailure } from './PageFailure';
import { Root } from './Root';

const root = createRootRoute({ component: Root });

const dashboard = createRoute({
  getParentRoute: () => root,
  path: '/',
  component: lazyRouteComponent(() => import('@/pages/dashboard/DashboardPage')),
});

const hosts = createRoute({
  getParentRoute: () => root,
  path: '/hosts',
  validateSearch: hostsSearch,
  component: lazyRouteComponent(() => import('@/pages/hosts/HostsPage')),
});

const host = createRoute({
  getParentRoute: () => root,
  path: '/hosts/$hostId',
  validateSearch: hostSearch,
  component: lazyRouteComponent(() => import('@/pages/hosts/HostPage')),
});

const queries = createRoute({
  getParentRoute: () => root,
  path: '/queries',
  validateSearch: queriesSearch,
  component: lazyRouteComponent(() => import('@/pages/queries/QueriesPage')),
});

const campaigns = createRoute({
  getParentRoute: () => root,
  path: '/campaigns',
  validateSearch: campaignsSearch,
  component: lazyRouteComponent(() => import('@/pages/campaigns/CampaignsPage')),
});

const campaign = createRoute({
  getParentRoute: () => root,
  path: '/campaigns/$campaignId',
  validateSearch: campaignSearch,
  component: lazyRouteComponent(() => import('@/pages/campaign/CampaignPage')),
});

const audit = createRoute({
  getParentRoute: () => root,
  path: '/audit',
  validateSearch: auditSearch,
  component: lazyRouteComponent(() => import('@/pages/audit/AuditPage')),
});

const settings = createRoute({
  getParentRoute: () => root,
  path: '/settings/{-$section}',
  component: lazyRouteComponent(() => import('@/pages/settings/SettingsPage')),
});

/** The router; `Register` below makes addresses typed everywhere. */
export const router = createRouter({
  routeTree: root.addChildren([
    dashboard,
    hosts,
    host,
    queries,
    campaigns,
    campaign,
    audit,
    settings,
  ]),
  defaultPreload: 'intent',
  defaultPendingComponent: () => <Loading lines={8} />,
  defaultPendingMs: 150,
  defaultErrorComponent: PageFailure,
  defaultNotFoundComponent: NotFound,
  scrollRestoration: true,
});

declare module '@tanstack/react-router' {
  interface Register {
    router: typeof router;
  }
}
