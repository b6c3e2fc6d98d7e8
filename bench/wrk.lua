-- Sends what Chrome sends with a page's fetch(). Prints one line of JSON at the end. With BENCH_COOKIES (a file, one
-- cookie a line) every request takes the next line, from BENCH_OFFSET on, so that no two requests of a slice belong to
-- one session.
local page = wrk.scheme .. "://" .. wrk.host .. ":" .. wrk.port
wrk.headers["Connection"] = "keep-alive"
wrk.headers["sec-ch-ua-platform"] = '"Linux"'
wrk.headers["User-Agent"] = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36"
wrk.headers["Accept"] = "application/json"
wrk.headers["sec-ch-ua"] = '"Chromium";v="140", "Not=A?Brand";v="24", "Google Chrome";v="140"'
wrk.headers["sec-ch-ua-mobile"] = "?0"
wrk.headers["Sec-Fetch-Site"] = "same-origin"
wrk.headers["Sec-Fetch-Mode"] = "cors"
wrk.headers["Sec-Fetch-Dest"] = "empty"
wrk.headers["Referer"] = page .. "/library/films?sort=titleSort"
wrk.headers["Accept-Encoding"] = "gzip, deflate, br, zstd"
wrk.headers["Accept-Language"] = "de-DE,de;q=0.9,en-US;q=0.8,en;q=0.7"
wrk.headers["Cookie"] = os.getenv("BENCH_COOKIE")

local file = os.getenv("BENCH_COOKIES")
if file then
  local cookies = {}
  local at = tonumber(os.getenv("BENCH_OFFSET"))
  for line in io.lines(file) do cookies[#cookies + 1] = line end
  wrk.headers["Cookie"] = "@COOKIE@"
  local before, after
  function request()
    if not before then
      local text = wrk.format()
      local from, to = text:find("@COOKIE@", 1, true)
      before, after = text:sub(1, from - 1), text:sub(to + 1)
    end
    at = at % #cookies + 1
    return before .. cookies[at] .. after
  end
end

function done(summary, latency)
  local errors = summary.errors
  io.write(string.format(
    '\nBENCH {"requests":%d,"bytes":%d,"seconds":%.6f,"p50Us":%d,"p99Us":%d,"refused":%d,"broken":%d}\n',
    summary.requests, summary.bytes, summary.duration / 1e6, latency:percentile(50), latency:percentile(99),
    errors.status, errors.connect + errors.read + errors.write + errors.timeout))
end
