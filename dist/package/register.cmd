@echo off
rem SPDX-License-Identifier: MIT
rem usage: register.cmd [user]
rem Tell the Vulkan loader of the driver in this folder: for all users, or,
rem with "user" or without the rights to do that, for this one.
setlocal
set "MANIFEST=%~dp0lvp_icd.x86_64.json"
set "KEY=SOFTWARE\Khronos\Vulkan\Drivers"
rem Not whatever is called reg in the current folder.
set "REG=%SystemRoot%\System32\reg.exe"

if not exist "%MANIFEST%" goto missing
if "%~1"=="user" goto user
if not "%~1"=="" goto usage

"%REG%" add "HKLM\%KEY%" /v "%MANIFEST%" /t REG_DWORD /d 0 /f /reg:64 >nul 2>&1
if errorlevel 1 goto denied
echo Registered for all users, in HKLM\%KEY%:
echo    "%MANIFEST%"
goto loader

:denied
echo No rights to register for all users. As an administrator one would have them.
:user
"%REG%" add "HKCU\%KEY%" /v "%MANIFEST%" /t REG_DWORD /d 0 /f /reg:64 >nul 2>&1
if errorlevel 1 goto failed
echo Registered for this user, in HKCU\%KEY%:
echo    "%MANIFEST%"
echo Programs that run as administrator do not look there.

:loader
if exist "%SystemRoot%\System32\vulkan-1.dll" goto end
echo Windows has no Vulkan loader: add this folder to PATH, or copy its vulkan-1.dll to the programs.
:end
exit /b 0

:missing
echo There is no "%MANIFEST%"
exit /b 1
:failed
echo The registry does not take it. Set VK_DRIVER_FILES to the manifest instead:
echo    "%MANIFEST%"
exit /b 1
:usage
echo usage: register [user]
exit /b 2
