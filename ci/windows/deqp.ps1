# SPDX-License-Identifier: MIT
# Run a suite of ci\deqp on the driver in build\dist, in Mesa's image for
# tests on Windows, which has deqp-runner, and the CTS in C:\deqp. Leaves
# results\SUITE.

param(
  [string]$Suite = "win32",
  [string]$DeqpPath = "C:\deqp"
)

$root = Split-Path -Parent (Split-Path -Parent $PSScriptRoot)
Set-Location -Path $root

# The loader ignores VK_DRIVER_FILES with elevated privileges, which all
# processes of a container have.
$key = "HKLM:\SOFTWARE\Khronos\Vulkan\Drivers\"
$manifest = Join-Path -Path $root -ChildPath "build\dist\lvp_icd.x86_64.json"
if (!(Test-Path -Path $manifest)) {
  Write-Host "There is no $manifest"
  Exit 1
}
New-Item -Path $key -Force | Out-Null
New-ItemProperty -Path $key -Name $manifest -Value 0 -PropertyType DWORD -Force | Out-Null

# The suites look for their expectations where Mesa installs them.
New-Item -Force -ItemType Directory -Path "_install" | Out-Null
Copy-Item -Path "ci\deqp\*" -Include "*.txt", "*.toml" -Destination "_install"

$results = Join-Path -Path $root -ChildPath "results\$Suite"
if (Test-Path -Path $results) {
  Remove-Item -Recurse -Force -Path $results
}
New-Item -ItemType Directory -Path $results | Out-Null

$options = @()
if ($null -ne $env:FDO_CI_CONCURRENT) {
  $options += "--jobs", "$($env:FDO_CI_CONCURRENT)"
}
if ($null -ne $env:DEQP_FRACTION) {
  $options += "--fraction", "$($env:DEQP_FRACTION)"
}

$env:MESA_VK_IGNORE_CONFORMANCE_WARNING = "true"
deqp-runner suite `
  --suite "_install\deqp-lvp-$Suite.toml" `
  --output $results `
  --baseline "_install\lvp-win32-fails.txt" `
  --testlog-to-xml "$DeqpPath\executor\testlog-to-xml.exe" `
  $options
$status = $LASTEXITCODE

deqp-runner junit `
  --testsuite dEQP `
  --results "$results\failures.csv" `
  --output "$results\junit.xml" `
  --limit 50 `
  --template "See $($env:ARTIFACTS_BASE_URL)/results/$Suite/{{testcase}}.xml"
Copy-Item -Path "$DeqpPath\testlog.css", "$DeqpPath\testlog.xsl" -Destination $results

if ($status -ne 0) {
  Exit 1
}
