-- One request, from the environment; prints what the table needs as a line of JSON.
wrk.method = os.getenv("METHOD") or "GET"
wrk.body = os.getenv("BODY")
wrk.headers["Content-Type"] = "application/json"
if os.getenv("TOKEN") ~= "" then
  wrk.headers["X-Auth-Token"] = os.getenv("TOKEN")
  wrk.headers["X-Subject-Token"] = os.getenv("SUBJECT")
end

function done(summary, latency)
  local wrong = summary.errors.connect + summary.errors.read + summary.errors.write + summary.errors.status
    + summary.errors.timeout
  io.write(string.format(
    "{\"requests\": %d, \"seconds\": %.3f, \"wrong\": %d, \"bytes\": %d, \"p50_ms\": %.3f, \"p95_ms\": %.3f, "
    .. "\"p99_ms\": %.3f}\n", summary.requests, summary.duration / 1e6, wrong, summary.bytes,
    latency:percentile(50) / 1e3, latency:percentile(95) / 1e3, latency:percentile(99) / 1e3))
end
