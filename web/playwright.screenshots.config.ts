// SPDX-License-Identifier: Apache-2.0
// Screenshots of every page into the ignored folder `screenshots`, to be looked at.

import base from './playwright.config';

export default { ...base, testMatch: '*.shots.ts', timeout: 300_000 };
