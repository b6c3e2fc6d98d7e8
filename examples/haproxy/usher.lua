-- Asks Usher who is signed in (docs/proxies.md#haproxy). HAProxy has no action of its own for that. Loaded by haproxy.cfg.
-- Change to yours: usher:8080.
local USHER = "http://usher:8080/session/verify?redirect=1"

local IDENTITY = {
  "Remote-User", "Remote-Name", "Remote-Email", "Remote-Groups", "X-Usher-Account-Id", "X-Usher-Assertion"
}
-- Each name in the headers of USHER_APPS, such as "X-Api-Key". For the other apps Usher sends it empty.
local APP_HEADERS = {}
-- What the check reads of the browser's request. Everything else, other cookies included, stays here.
local PASSED = { "accept", "accept-language", "sec-fetch-mode" }

local function isSession(name)
  return name:match("^__Secure%-usher") or name:match("^__Host%-usher")
end

-- The cookies of a request in two lists: Usher's, and those of everybody else.
local function splitCookies(headers)
  local own, others = {}, {}
  for _, field in pairs(headers["cookie"] or {}) do
    for cookie in field:gmatch("[^;]+") do
      cookie = cookie:match("^%s*(.-)%s*$")
      table.insert(isSession(cookie) and own or others, cookie)
    end
  end
  return table.concat(own, "; "), table.concat(others, "; ")
end

local isAppHeader = {}
for _, name in ipairs(APP_HEADERS) do isAppHeader[name:lower()] = true end

-- No client may send the headers that come from Usher, in any spelling that an app could read as the same.
local function dropForged(txn, headers)
  for name in pairs(headers) do
    local plain = name:lower():gsub("_", "-")
    if plain:match("^remote%-") or plain:match("^x%-usher") or isAppHeader[plain] then
      txn.http:req_del_header(name)
    end
  end
end

local function refuse(txn, answer)
  local known = answer.status >= 300 and answer.status < 500
  local reply = txn:reply { status = known and answer.status or 503 }
  if known then
    for name, values in pairs(answer.headers) do
      local isOurs = name ~= "content-length" and name ~= "transfer-encoding" and name ~= "connection"
      for _, value in pairs(isOurs and values or {}) do reply:add_header(name, value) end
    end
    reply:set_body(answer.body or "")
  end
  txn:done(reply)
end

-- `demands`: `role=owner`, `app=ID`, `audience=SERVICE`, joined by &; `-` for nothing.
core.register_action("usher", { "http-req" }, function(txn, demands)
  local headers = txn.http:req_get_headers()
  local own, others = splitCookies(headers)
  local asked = {
    ["host"] = { txn.sf:req_fhdr("host") },
    ["x-forwarded-for"] = { txn.sf:src() },
    ["x-forwarded-host"] = { txn.sf:req_fhdr("host") },
    ["x-forwarded-method"] = { txn.sf:method() },
    ["x-forwarded-proto"] = { "https" },
    ["x-forwarded-uri"] = { txn.sf:pathq() }
  }
  if own ~= "" then asked["cookie"] = { own } end
  for _, name in ipairs(PASSED) do
    local value = txn.sf:req_fhdr(name)
    if value ~= "" then asked[name] = { value } end
  end
  dropForged(txn, headers)
  local url = demands == "-" and USHER or USHER .. "&" .. demands
  local answer = core.httpclient():get { url = url, headers = asked, timeout = 30000 }
  if answer.status < 200 or answer.status > 299 then return refuse(txn, answer) end
  for _, names in ipairs({ IDENTITY, APP_HEADERS }) do
    for _, name in ipairs(names) do
      local values = answer.headers[name:lower()]
      txn.http:req_set_header(name, values and values[0] or "")
    end
  end
  -- Anybody who holds a cookie of Usher's may be signed in by it: the app gets none.
  txn.http:req_del_header("cookie")
  if others ~= "" then txn.http:req_set_header("cookie", others) end
  local renewed = answer.headers["set-cookie"]
  if renewed then txn:set_var("txn.usher_renewed", renewed[0]) end
end, 1)
