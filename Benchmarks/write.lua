-- Small writes, each with another value: WHAT is `metadata` (an item of one of the servers in SERVERS, after the other)
-- or `keypair` (a new one with the key in KEY). Prints what the table needs as a line of JSON.
dofile("wrk.lua")
local what = os.getenv("WHAT")
local servers = {}
for id in string.gmatch(os.getenv("SERVERS") or "", "[^,]+") do servers[#servers + 1] = id end
local key = os.getenv("KEY")
local prefix = os.getenv("PREFIX") or ""
local number = 0

function request()
  number = number + 1
  if what == "metadata" then
    return wrk.format("PUT", "/compute/v2.1/servers/" .. servers[number % #servers + 1] .. "/metadata/item", nil,
      "{\"meta\":{\"item\":\"value " .. number .. "\"}}")
  end
  return wrk.format("POST", "/compute/v2.1/os-keypairs", nil,
    "{\"keypair\":{\"name\":\"" .. prefix .. number .. "\",\"public_key\":\"" .. key .. "\"}}")
end
