# SPDX-License-Identifier: MIT
# Build the driver and the tests in MSYS2's UCRT64 environment, and run the
# tests. Leaves build\dist.

$msys2 = $env:LVP_WIN32_MSYS2_ROOT
if (!$msys2) {
  $msys2 = "C:\msys64"
}
$bash = Join-Path -Path $msys2 -ChildPath "usr\bin\bash.exe"
if (!(Test-Path -Path $bash)) {
  Write-Host "There is no MSYS2 in $msys2"
  Exit 1
}

$root = Split-Path -Parent (Split-Path -Parent $PSScriptRoot)

# A login shell sets up the environment that MSYSTEM names, and would change
# to the home folder.
$env:MSYSTEM = "UCRT64"
$env:CHERE_INVOKING = "1"
$env:CI_COMMIT_MESSAGE = ""
$env:CI_COMMIT_DESCRIPTION = ""

Push-Location -Path $root
& $bash -l ci/windows/build-msys2.sh
$status = $LASTEXITCODE
Pop-Location
Exit $status
