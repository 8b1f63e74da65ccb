/**
 * A second version of every country's policy under which all bundles of a bench are accepted, as they are in normal
 * life: a device would need days to take so many payments, so the daily limits and the risk rules must not speak.
 */
export const ROOMY_VERSION = 2

export const ROOMY_POLICIES = `
  INSERT OR IGNORE INTO offline_policies (
    country, version, enabled, currency, time_zone, max_offline_amount, max_offline_per_device_per_day,
    max_offline_value_per_device_per_day, require_payer_proof_above, require_agent_approval_above,
    require_manual_review_above, allowed_methods, max_bundle_age_hours, max_clock_skew_minutes, max_relay_hours,
    accept_below_score, quarantine_above_score, max_days_since_sync, effective_at, created_at, created_by)
  SELECT country, ${ROOMY_VERSION}, enabled, currency, time_zone, max_offline_amount, 1000000, 1000000000000,
    require_payer_proof_above, require_agent_approval_above, require_manual_review_above, allowed_methods,
    max_bundle_age_hours, 1440, max_relay_hours, 0.99, 1.0, max_days_since_sync, 0, 0, 'bench'
  FROM offline_policies WHERE version = 1`
