"""Sparse files as GNU tar 1.34 writes them, in each of its four formats, packed and as text."""

import base64
import lzma

_PACKED = {
    "gnu": (
        "{Wp48S^xk9=GL@E0stWa8~^|S5YJf5;Gh2iyj=h@8B0+QXQmOiJl6K|mKAri_&Z=P@zw|VMYYYCmYYQ4pIZogrJ4SpgL)AXF*0!CB`}*E#h%5H"
        "Il4mSc&CN?pUkB0FIr%M!Vi7i(JOSh^IhNs04Syrir0oQdk=w5SZp27OhfDY{yOycCIX|}Yr-"
        "%$`(=xRp4JBl+A;kC3CN49BIOZm>v_%t1t{pH@vpTZRPGXp>nK`c0sW<oWJ}zg;&!Xdf5D9%!qRUl|7kV1(kfzA?GMoLxM(268AF<hP>iO7YWg"
        "RbQaqaAm+=9=XNDjur%K+lN7HuccK0gNkdB|IMz$-z86;%wFp;-"
        "4&v4`%zeaOGUw2Myp&8Y)A$(?ET`NlnX@O2)*U_$^(|mB3%`3)Ox7fd1Rdgwt6r_e<N>EA(@&z#UHI4oM9i4k73j?%6hJ2bc?^*%*AW4cY>>?x"
        "u5Z-O*JApRF$aliidfOLqS(OqV|M@7LeZ6H1#)!9ekYOfO`rmg+($h-"
        "|OgGjI_X8oiz;OD34Iq}lVvgyHLbh9LG|9Gz!LBd3J|?d@3bLB#O%3V+26);~pcMAVm0Gk1SrE98?Y$dfuT&rax6fJ3(f@wz00GzofWQI(wsKf"
        "BvBYQl0ssI200dcD"
    ),
    "0.0": (
        "{Wp48S^xk9=GL@E0stWa8~^|S5YJf5;K%<0?_B^F3&w|%T05tY$0ZK95An}#^}scFt9l`p6-3yQ<kI?RQNo8xF(xVxCi)*p{2T}n_czu+s-"
        "u=eMjw`6*eoBPf$-"
        "uCzj^I<CRoT{jWmavkZk_e({<O*^ia(<MdqlRLdx7UtrBi;Z0<~gUIOG^&i>=FOsU0fw3f@RcCq}z8*>Cw^uKOnkGMMcdwuRYTp(zc8S`!7`~_"
        "!gEK(bn6x<{7$&fIg`2MXhK#ZmRVo55aPTr<0?8W9}ac3r@m3rE`XGC2nOp!aliMq7m6EMeQugXOh9=SSPdZD}0(*9>6IxPRizI6N9qTIXZ;bI"
        "K{TE`lmU_dnv3E9lQ9A$9XizT=Kmi;=aVL@kKRf=EmzB}9TWKY8=-JpzJ-$4zkS@G36#}F1?kipdlH#UAF=jam%ljS-cHY0Z;dts+Lu+)#?DD&"
        "Bk@EM?#pZt|A;-"
        "EoPy5b7nE@R{vj1{FOx!hIH#!Nd|fA%F$_{E}mI7?498NK7~ZVP=_i+iKeZ3PVm^G;)Grt%SkkQ0fQSqhB6b3tzyV16b_@?2b#zH7u9>5Zu#en"
        "Cw<<8()hoY<+c{eCYeQ$0U1g4IDuMocSZVHcODf?W%dkDGKk6l}n&pUKZi@p#Fz4nVX)K!rqzeZa<~IOVQmU-oN-"
        "=6aXslky`mkEFfI1A275GD3sx^T3l?40!0Szuor6#VHL?jfJ&kH0dQ*MASkxs#(8HN+6*RPfTF)k>mS~2SW(*9t6UKxPq4!=-"
        "`1_W2V4`CV{C`iCxeHU4qrRzS%tZJ*Nw;kjazQ#TM1d*_xi$eClJWzQN&j5jtT{`rpe18_fjxIj?S*y;$`eh_!^<sR80NW=~v(b)5C!`qEM-mt"
        "w|i#5@u__>zZ_u$cO2?JZs=aRB6aLG~1cES$w!#GrAHWu_M{6VOHsl(UcPm5{%c`nMnl+R44P$g3_s`B4cXmoHCO*$3YzkaD?qKKSA9cjf>9;r"
        "}DB*&$qj00D~zfRF<KZkPoFvBYQl0ssI200dcD"
    ),
    "0.1": (
        "{Wp48S^xk9=GL@E0stWa8~^|S5YJf5;Gh2j>|FpC3&w|%T05tY$0ZK95An}#^}scFt9l`p6-"
        "3yQ<kI?RQNiB!J$Yx2^@k9vr1OzTF^2YFy2kLy#M{M7H{*;Bloo@_xqoVP8}bbGAVZ{!3W>*0)ECKqg~URH2uJ_;=@^h9D8~CoWg&5KI(kK*N&"
        "vZf(J5B3JIHr8Hpj|}|5(meA79W)5^I#KdKgp6+SxvBN9;!R-"
        "^GMxEMmcaPNoqL5i^!7vy84%V0yjpxD&#oR@%TJC$lTWT)Qx~xLw&;pU*qa8cpT_7ts>I6#uIk-"
        "?Eq`#AU*Wytn8);|u!XPUao&@*E*hUfL5NBYt|%U}@^<LfOX@#*EV-256XTR>ed<-"
        "9hqu5#rqva`71u9NCTFc<&)12pyFaRAdXWdb8y4ITDWk{yo_2f=t`{cLNiu#pTa>zdu2G7~Z#0Ii>ryXC8z<e@LiB<{2>~j_jF8ZsF$|Oh2Y{x"
        "1F!(<AEgl^v_ui_C+48@Yg*?ZIKYUu_GGF6pj0BVw^?akQ2*?Ym#e1fCq=lWz>P-"
        "0s|(nhM5)a{Daoh4gs|XKmQEhu3d@OWHzY)@ODk*AagxH^~cq~^8U>n3?H97^uh`(x;%?J0%g=Q{C@veWt`6IP$s)s+{JyvJkJ>AZD9NwbXb^a"
        "v`Uyx`U&s2j6{KOH|&mtFy%Fr@Kmy=<|t`A7VUf3yh?k+gqtQ9Y&n-"
        "G8+|;l^&(o*EkX{SIyGr7rK(=HVg4{D0*)R0N)*^aPiGFGfs6fHurQU)Jq#@RBH{ChJV>Kzaqj78-"
        "?wH*E76TEMG1SNs^2#wJF{XiW^^(y7N4Zv61q~W2LL?kl)G;Ks1^XLo`y7Ks??F&ZY(1AH>Up&nwbT@Nu&T`m|6u!MAv|FFh2rWW`D<fOp*tB?"
        "s7p5EK20OVGgU-"
        "a{o)JoSME}4K%D~<n3n6#YulB*cR2<7##{15S;7%P@Q)+Ro65sjvvS6+IK*VIYK}HMfYE?i{>UC00D>wfWQI(G4(d^vBYQl0ssI200dcD"
    ),
    "1.0": (
        "{Wp48S^xk9=GL@E0stWa8~^|S5YJf5;Gh2j-dz9}3&w|%T05tY$0ZK95An}#^}scFt9l`p6-"
        "3yQ<kI?RQNi9mj6uNTBhY?W3$ha>5TAvpUwuYB*;dPa8aNU(+(3?+h^p`Om5q6~H(SZeN#vEgKfw>2<31PG0c34Shy6Pn7p*hgl={$M-"
        "I8d{aN6#mpGxCPz`4P(v(zTM_wqx4aizt0GH5_cNaWeGlN8@c>cRMro=zxi(V5g2@8cDzCm={dUo9FUW^RIc=I?+q>Es$j^s1bE7gN1e1kbeW0"
        "{xpmoPQD<^3Zw2?wKsng*cwkzwv`MS|VJGamjDtkB<o7{ZYU1Ue<&JM~#*O`CwSx1C#lR3Ovztgx%>pB1KejisY=wpEuD4w!6K{p}x~}w0A~W0"
        "f`zON-NYTEC4%3#2*qI9s19j>qW}~@x;}OXUT+Jy;*Ee?mv$iy4hO(+mpVU7n>}v)zO+Qv5&;nTNIcn9;=3d*TTX~Sj2J~2MrvsQ-"
        "?UmL}Ma<^{z;q?y5Yih+PsaJSyHVG0He9hXouUs(p)nAtDz0K!rbn<?@*1qP(2Psj`D%8|7wWOBHSb2n+)g;?LvKxwCUAt$m>$Ry5dlc693!ZB"
        "ny<3+Ck=&pISREMywNI}qlb8NbH~)b))dAU;vX2O#Lha@ekqPEU?K>e_QkH_z_v30uM|qX+D|@K(B)tI@Zfv<d2N8--y1fvVa@C#$a2c2@F5yg"
        "UQ(=pk)F>O|(0zmAKl=q=);<*bw|Szb0Wyx|gf;z~d-"
        "8zBGu%TJ{ZIKE9`q8_MSVc#Wq5%Io)o7Do>?ok)DR1QrUE*|g<%_wLnu4QfG&+yu!hmGk1(=MN#t45LJ>E@3XS^$QY)>2w`vJN)5ckt{cT{tR}"
        ">X0xVMJovP<#c9*>P4eXMYa7jB@sn<9s+YaO%z7|)WFf#HFFQ_3FFC~nj@@VoAA}@37x}C8?dxB+Iw163~j}#00000gD}Yx=G*zA00H_1fWQI("
        "D<gdIvBYQl0ssI200dcD"
    ),
}


def sparse_tars() -> dict[str, bytes]:
    """By format, a tar made with `tar --sparse --hole-detection=raw` of the files in `sparse_files`."""
    return {form: lzma.decompress(base64.b85decode(text)) for form, text in _PACKED.items()}


def sparse_files() -> dict[str, bytes]:
    """What is in them: few holes, so many that the map needs further blocks, nothing but a hole, and no hole."""
    few, many = bytearray(200_000), bytearray(60 * 8192)
    few[:500], few[70_000:70_006], few[-3:] = b"start" * 100, b"middle", b"end"
    for number in range(1, 60):
        many[number * 8192 : number * 8192 + 4] = b"%04d" % number
    return {"few.bin": bytes(few), "many.bin": bytes(many), "hole.bin": bytes(100_000), "after.txt": b"plain\n"}
