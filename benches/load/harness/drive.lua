-- What wrk sends and how it judges the replies, by the plan in the file that PLAN names.

local plan = dofile(os.getenv("PLAN"))
local tokens, width, count, head, tail, whole
local threads = {}

wrong, sample = 0, ""
local spent = plan.from or 0

function setup(thread)
  table.insert(threads, thread)
end

function init()
  whole = wrk.format(plan.method, plan.path, plan.headers, plan.body)
  if plan.tokens then
    tokens = assert(io.open(plan.tokens, "rb")):read("*a")
    width = #plan.place + 1
    count = #tokens / width
    local at = assert(whole:find(plan.place, 1, true))
    head, tail = whole:sub(1, at - 1), whole:sub(at + #plan.place)
    math.randomseed(plan.seed)
  end
end

function request()
  if not tokens then
    return whole
  end
  local at
  if plan.once then
    at, spent = spent % count, spent + 1
  else
    at = math.random(0, count - 1)
  end
  return head .. tokens:sub(at * width + 1, at * width + width - 1) .. tail
end

-- Each connection sends again so many milliseconds after its last reply.
if plan.delay then
  function delay()
    return plan.delay
  end
end

-- Takes wrk longer than all else, so that it would be what is measured; statuses and lengths it counts by itself.
local function look(status, headers, body)
  local right = plan.right[tostring(status)]
    and (not plan.expect or body:find(plan.expect, 1, true) ~= nil)
    and (not plan.header or headers[plan.header] == plan.says)
  if not right then
    wrong = wrong + 1
    sample = status .. " " .. body:sub(1, 200)
  end
end

if plan.look then
  response = look
end

local function quoted(text)
  return '"' .. text:gsub('[%c"\\]', function(c) return string.format("\\u%04x", c:byte()) end) .. '"'
end

function done(summary, latency)
  local bad, example = 0, ""
  for _, thread in ipairs(threads) do
    bad = bad + thread:get("wrong")
    if thread:get("sample") ~= "" then
      example = thread:get("sample")
    end
  end
  local errors = summary.errors
  io.write(string.format(
    '{"answered": %d, "wrong": %d, "sample": %s, "failed": %d, "refused": %d, "bytes": %d, "seconds": %.6f, ' ..
    '"p50_us": %d, "p99_us": %d}\n',
    summary.requests, bad, quoted(example), errors.connect + errors.read + errors.write + errors.timeout,
    errors.status, summary.bytes, summary.duration / 1e6, latency:percentile(50), latency:percentile(99)))
end
